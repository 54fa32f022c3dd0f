# Moves 2,000 rows: all at once, and in chunks when an earlier attempt has crashed over that.
set -eu
context=$(kanban context "$KANBAN_TASK")
seq 1 2000 > old.txt
case $context in
  *"### Attempt 1 — crashed"*) ;;
  *)
    kanban heartbeat "$KANBAN_TASK" --note "all 2000 rows at once" >/dev/null
    # Too much for one go: nothing moves any more, until somebody or something kills it.
    exec sleep 600
    ;;
esac
: > new.txt
chunks=0
for first in 1 501 1001 1501; do
  sed -n "${first},$((first + 499))p" old.txt | sed 's/^/row /' >> new.txt
  chunks=$((chunks + 1))
  kanban heartbeat "$KANBAN_TASK" --note "$(wc -l < new.txt) of 2000 rows" >/dev/null
done
kanban complete "$KANBAN_TASK" --summary "moved $(wc -l < new.txt) rows in $chunks chunks after the crash" \
  --metadata "{\"strategy\":\"chunked\",\"chunks\":$chunks,\"rows\":$(wc -l < new.txt)}"
