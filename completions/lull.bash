# Completion of lull for bash. Made by docs/complete.lua.

_lull()
{
    local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local i word command=
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
            --sim|--seed|--record|--chaos|--log|-d|--data|--data-binary|--json|-T|--upload-file|-H|--header|-A|--user-agent|-u|--user|-i|--input|--attempts|-m|--timeout|--deadline|--backoff|--max-hint|--on|--preset|--limit|--parallel|-x|--proxy|--cacert|-E|--cert|--cert-key|--max-redirs|-o|--output|--max-filesize) ((i++)) ;;
            -?*) ;;
            *) command=$word; break ;;
        esac
    done
    case $previous in
        --preset) mapfile -t COMPREPLY < <(compgen -W "aws copyleaks copyleaks+spread curl github openai standard" -- "$cur"); return ;;
        --sim|--record|--log|-T|--upload-file|-i|--input|--cacert|-E|--cert|--cert-key|-o|--output) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
        --seed|--chaos|-d|--data|--data-binary|--json|-H|--header|-A|--user-agent|-u|--user|--attempts|-m|--timeout|--deadline|--backoff|--max-hint|--on|--limit|--parallel|-x|--proxy|--max-redirs|--max-filesize) compopt +o default; return ;;
    esac
    case $command in
        get|head|post|put|patch|delete)
            [[ $cur != -* ]] || mapfile -t COMPREPLY < <(compgen -W "-d --data --data-binary --json -T --upload-file -H --header -A --user-agent -u --user --key -i --input --curl --attempts -m --timeout --deadline --backoff --max-hint --on --preset --unsafe --limit --parallel -x --proxy -k --insecure --cacert -E --cert --cert-key --http1.1 --http2 --max-redirs -f --fail -L --location --compressed -o --output -O --remote-name --fail-with-body --max-filesize -s --silent -S --show-error --trace --log --record --bodies --chaos --seed --sim -h --help" -- "$cur") ;;
        "")
            if [[ $cur == -* ]]; then
                mapfile -t COMPREPLY < <(compgen -W "-h --help --sim --seed --record --bodies --chaos --log --trace --quiet -v --version" -- "$cur")
            else
                mapfile -t COMPREPLY < <(compgen -W "delete get head patch plan post put sim" -- "$cur"; compgen -f -- "$cur")
            fi ;;
    esac
}
complete -o default -o filenames -F _lull lull
