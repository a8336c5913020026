-- The smallest script: one GET.
print(require("lull").get(arg[1]).status)
