# Builds check.sh after the specification and what was said in review; asks for a review when acceptance fails.
set -eu
export LC_ALL=C
context=$(kanban context "$KANBAN_TASK")
handed() { printf '%s\n' "$context" | sed -n "s/^_metadata_.*\"$1\":\"\([^\"]*\)\".*/\1/p" | head -n 1; }
iteration=$(($(printf '%s\n' "$context" | grep -c '^### Attempt') + 1)) || true
said() { printf '%s\n' "$context" | grep -q "$1"; }
{
  echo 'LC_ALL=C'
  echo '[ "${#1}" -ge 8 ] || exit 1'
  if said 'an upper-case letter'; then echo 'case $1 in *[A-Z]*) ;; *) exit 1 ;; esac'; fi
  if said 'a lower-case letter'; then echo 'case $1 in *[a-z]*) ;; *) exit 1 ;; esac'; fi
  if said 'a digit'; then echo 'case $1 in *[0-9]*) ;; *) exit 1 ;; esac'; fi
} > check.sh
wrong=""
passed=0
for word in $(handed must_accept); do
  if sh check.sh "$word"; then passed=$((passed + 1)); else wrong="$wrong $word"; fi
done
for word in $(handed must_refuse); do
  if sh check.sh "$word"; then wrong="$wrong $word"; else passed=$((passed + 1)); fi
done
if [ -n "$wrong" ]; then
  kanban block "$KANBAN_TASK" "review-required: check.sh is wrong about$wrong"
  exit 0
fi
kanban complete "$KANBAN_TASK" --summary "check.sh passes all $passed acceptance cases" \
  --metadata "{\"changed_files\":[\"check.sh\"],\"command\":\"sh check.sh\",\"review_iteration\":$iteration}"
