# Writes a slogan of at most 48 characters from the product and its benefit.
set -eu
context=$(kanban context "$KANBAN_TASK")
product=$(printf '%s\n' "$context" | sed -n 's/^> product: //p')
benefit=$(printf '%s\n' "$context" | sed -n 's/^> benefit: //p')
slogan="$product: $benefit."
if [ "${#slogan}" -gt 48 ]; then slogan="$product. Simply better."; fi
printf '%s\n' "$slogan" > slogan.txt
kanban complete "$KANBAN_TASK" --summary "$slogan" --metadata "{\"characters\":${#slogan}}"
