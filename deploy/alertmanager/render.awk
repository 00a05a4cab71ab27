# Puts settings into alertmanager.yml; its head says how lines are marked.
BEGIN { dropping = -1 }
{
  indent = match($0, /[^ ]/) - 1
  if (dropping >= 0 && (indent < 0 || indent > dropping)) next
  dropping = -1
  at = index($0, " # ")
  mark = at ? substr($0, at + 3) : ""
  if (match(mark, /if [A-Z_]+/) && ENVIRON[substr(mark, RSTART + 3, RLENGTH - 3)] == "") { dropping = indent; next }
  if (match(mark, /is [A-Z_]+/) && (value = ENVIRON[substr(mark, RSTART + 3, RLENGTH - 3)]) != "") {
    gsub("'", "''", value)
    print substr($0, 1, index($0, ": ") + 1) (value == "true" || value == "false" ? value : "'" value "'")
    next
  }
  if (at = index($0, "/run/alertmanager/")) $0 = substr($0, 1, at - 1) ENVIRON["run"] substr($0, at + 17)
  print
}
