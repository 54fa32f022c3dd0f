# Transcribes the task's body, which is in Morse code.
set -eu
body=$(kanban context "$KANBAN_TASK" | sed -n '/^## Body$/,/^## [^B]/s/^> //p')
cat > morse.sed <<'END'
s/^[.]-$/A/
s/^-[.][.][.]$/B/
s/^-[.]-[.]$/C/
s/^-[.][.]$/D/
s/^[.]$/E/
s/^[.][.]-[.]$/F/
s/^--[.]$/G/
s/^[.][.][.][.]$/H/
s/^[.][.]$/I/
s/^[.]---$/J/
s/^-[.]-$/K/
s/^[.]-[.][.]$/L/
s/^--$/M/
s/^-[.]$/N/
s/^---$/O/
s/^[.]--[.]$/P/
s/^--[.]-$/Q/
s/^[.]-[.]$/R/
s/^[.][.][.]$/S/
s/^-$/T/
s/^[.][.]-$/U/
s/^[.][.][.]-$/V/
s/^[.]--$/W/
s/^-[.][.]-$/X/
s/^-[.]--$/Y/
s/^--[.][.]$/Z/
s/^[/]$/ /
END
printf '%s\n' "$body" | tr ' ' '\n' | sed -f morse.sed | tr -d '\n' > transcript.txt
kanban complete "$KANBAN_TASK" --summary "$(cat transcript.txt)" \
  --metadata "{\"letters\":$(tr -d ' ' < transcript.txt | wc -c)}"
