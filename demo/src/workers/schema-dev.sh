# Designs a schema: one field and the pattern of its values per line.
set -eu
kanban heartbeat "$KANBAN_TASK" --note "writing schema.txt" >/dev/null
cat > schema.txt <<'END'
email ^[^@ ]+@[^@ ]+[.][a-z]+$
password ^.{12,}$
created ^[0-9]{4}-[0-9]{2}-[0-9]{2}$
END
fields=$(cut -d ' ' -f 1 schema.txt | tr '\n' ' ')
kanban complete "$KANBAN_TASK" --summary "schema.txt says what each field may hold: $fields" \
  --metadata "{\"changed_files\":[\"schema.txt\"],\"schema\":\"schema.txt\"}"
