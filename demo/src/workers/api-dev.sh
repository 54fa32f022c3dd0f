# Builds validate.sh from the schema that the parent handed over.
set -eu
context=$(kanban context "$KANBAN_TASK")
handed() { printf '%s\n' "$context" | sed -n "s/^_metadata_.*\"$1\":\"\([^\"]*\)\".*/\1/p" | head -n 1; }
schema=$(handed schema)
kanban heartbeat "$KANBAN_TASK" --note "building validate.sh from $schema" >/dev/null
{
  echo '# validate.sh FIELD VALUE: succeeds when the value fits the schema.'
  echo 'case "$1" in'
  while read -r field pattern; do
    echo "$field) printf '%s\\n' \"\$2\" | grep -Eq '$pattern' ;;"
  done < "$schema"
  echo '*) exit 2 ;;'
  echo 'esac'
} > validate.sh
sh -n validate.sh
kanban complete "$KANBAN_TASK" --summary "validate.sh checks $(grep -c grep validate.sh) fields of $schema" \
  --metadata "{\"changed_files\":[\"validate.sh\"],\"command\":\"sh validate.sh\"}"
