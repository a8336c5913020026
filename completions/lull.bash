# Completion of lull for bash. Made by docs/complete.lua.

_lull_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }

# Of a command: its options, those that take a file, those that take something
# else, and what else may stand there.
_lull_command()
{
    if [[ $previous == --preset ]]; then
        _lull_words "aws copyleaks copyleaks+spread curl github openai standard"
    elif [[ $previous == --scenario ]]; then
        _lull_words "budget hedge metastable occ readme"
    elif [[ " $2 " == *" $previous "* ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    elif [[ " $3 " == *" $previous "* ]]; then
        compopt +o default
    elif [[ $cur == -* ]]; then
        _lull_words "$1"
    elif [[ -n $4 ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$4" -- "$cur"; compgen -f -- "$cur")
    fi
}

_lull()
{
    local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local i word command=
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
            --sim|--seed|--record|--chaos|--journal|--store-timeout|--on-store-loss|--log|--report|--progress|--grace) ((i++)) ;;
            -?*) ;;
            *) command=$word; break ;;
        esac
    done
    case $command in
        get|head|post|put|patch|delete)
            _lull_command "-d --data --data-binary --data-urlencode -G --get -F --form --json -T --upload-file -H --header -A --user-agent -u --user --key -i --input -K --config --curl --script --dry-run --each --format --id --results --failed --journal --attempts -m --timeout --max-time --stall --deadline --backoff --max-hint --on --preset --unsafe --limit --parallel --budget --breaker -x --proxy -k --insecure --cacert -E --cert --cert-key --http1.1 --http2 --max-redirs -f --fail -L --location --compressed -o --output -O --remote-name --output-dir -w --write-out --continue --skip-existing --sha256 --fail-with-body --max-filesize -s --silent -S --show-error --report --progress --trace --log --record --bodies --chaos --grace --seed --sim -h --help" "-T --upload-file -i --input -K --config --each --results --failed --journal --cacert -E --cert --cert-key -o --output --report --log --record --sim" "-d --data --data-binary --data-urlencode -F --form --json -H --header -A --user-agent -u --user --format --id --attempts -m --timeout --max-time --stall --deadline --backoff --max-hint --on --limit --parallel --budget --breaker -x --proxy --max-redirs --output-dir -w --write-out --sha256 --max-filesize --progress --chaos --grace --seed" ;;
        sim)
            _lull_command "-h --help --machines --clients --calls --fanout --think --spread --rate --poisson --for --method --latency --capacity --service --queue --limit --limit-each --outage --fail --retry-after --conflicts --timeout --attempts --seed --svg --json --scenario" "--svg" "--machines --clients --calls --fanout --think --spread --rate --for --method --latency --capacity --service --queue --limit --limit-each --outage --fail --retry-after --timeout --attempts --seed" "aws copyleaks copyleaks+spread curl exponential fixed github none openai standard" ;;
        status)
            _lull_command "-h --help --json --watch --store-timeout" "" "--store-timeout" ;;
        items)
            _lull_command "-h --help --failed --later --done --open --csv --store-timeout" "" "--store-timeout" ;;
        retry)
            _lull_command "-h --help --reason --later --store-timeout" "" "--reason --store-timeout" ;;
        report)
            _lull_command "-h --help -o --output --store-timeout" "" "--store-timeout" ;;
        plan)
            ((i + 1 < COMP_CWORD)) || _lull_command "-h --help" ;;
        "")
            _lull_command "-h --help --sim --seed --record --bodies --chaos --journal --store-timeout --assume-durable --on-store-loss --force --log --trace --report --progress --grace --quiet -v --version" "--sim --record --journal --log --report" "--seed --chaos --store-timeout --on-store-loss --progress --grace" "delete explain get head help items patch plan post put report retry sim status work" ;;
    esac
}
complete -o default -o filenames -F _lull lull
