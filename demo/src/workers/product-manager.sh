# Writes the specification: words that a good check accepts and words that it refuses.
set -eu
cat > spec.md <<'END'
# Password check
`sh check.sh WORD` succeeds when the word is a good password.
END
kanban complete "$KANBAN_TASK" --summary "spec.md; the acceptance cases are in the metadata" \
  --metadata '{"must_accept":"Correct-Horse-9 Blue-Kettle-77","must_refuse":"Ab1 alllowercaseletters NOLOWERCASE-99"}'
