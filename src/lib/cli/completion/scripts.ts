import type { Shell } from "./value-kinds.ts";

/*
 * Each script asks `pictl complete` at every TAB: commands, flags and sessions are those of the pictl that is
 * installed then. It runs the pictl on PATH, not the one that was typed, which may be a file of somebody else's
 * in this directory.
 */

const bash = `# bash completion for pictl: source <(pictl completion bash)
_pictl() {
  local answer line
  COMPREPLY=()
  answer=$(command pictl complete bash -- "\${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null) || return
  case $answer in
    files*)
      if [[ $2 == @* ]]; then
        # Readline would complete the name of a host, and escape the @ of a file's.
        local quote=\${COMP_LINE:0:COMP_POINT}
        quote=\${quote%"$2"}
        while IFS= read -r line; do
          [[ -d $line ]] && line+=/ && compopt -o nospace 2>/dev/null
          [[ $quote == *[\\'\\"] ]] || printf -v line %q "$line"
          COMPREPLY+=("@$line")
        done < <(compgen -f -- "\${2#@}")
        return 0
      fi
      compopt -o default 2>/dev/null && return 0
      answer=$'\\n'$(compgen -f -- "$2")
      ;;
    directories*)
      compopt -o filenames 2>/dev/null
      answer=$'\\n'$(compgen -d -- "$2")
      ;;
    # The newest session first, where this bash can be told not to sort.
    *) compopt -o nosort 2>/dev/null ;;
  esac
  [[ $answer == *$'\\n'* ]] || return 0
  while IFS= read -r line; do
    [[ -n $line ]] && COMPREPLY+=("$line")
  done <<<"\${answer#*$'\\n'}"
  return 0
}
complete -F _pictl pictl
`;

const zsh = `#compdef pictl
# zsh completion for pictl: source <(pictl completion zsh)
_pictl() {
  local -a answer list
  local line value about
  answer=("\${(@f)$(command pictl complete zsh -- "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)}")
  case \${answer[1]} in
    files*) compset -p \${answer[1]##* } && _files && return ;;
    directories*) compset -p \${answer[1]##* } && _files -/ && return ;;
  esac
  for line in "\${(@)answer[2,-1]}"; do
    value=\${line%%$'\\t'*}
    about=\${line#*$'\\t'}
    value=\${\${value//\\\\/\\\\\\\\}//:/\\\\:}
    [[ $line == *$'\\t'* ]] && value+=":$about"
    [[ -n $value ]] && list+=("$value")
  done
  _describe -V -t pictl pictl list
}
if [[ \${funcstack[1]} == _pictl ]]; then
  _pictl "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -D -i }
  compdef _pictl pictl
fi
`;

const fish = `# fish completion for pictl: pictl completion fish | source
function __pictl_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l answer (command pictl complete fish -- $words[2..] "$current" 2>/dev/null)
    set -l mode (string split ' ' -- $answer[1])
    switch "$mode[1]"
        case files directories
            set -l prefix (string sub -l $mode[2] -- "$current")
            set -l rest (string sub -s (math $mode[2] + 1) -- "$current")
            if test $mode[1] = files
                __fish_complete_path "$rest" | string replace -r '^' -- "$prefix"
            else
                __fish_complete_directories "$rest" | string replace -r '^' -- "$prefix"
            end
        case '*'
            printf '%s\\n' $answer[2..]
    end
end
complete -c pictl -f -k -a '(__pictl_complete)'
`;

/** The script that a shell runs to complete pictl's command lines. */
export function completionScript(shell: Shell): string {
  return { bash, zsh, fish }[shell];
}
