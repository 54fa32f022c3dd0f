// Which commands a few typed letters mean, best first.

/** How well `typed` fits `label`: higher is better, null when it does not. Each word has to occur; at the start of a word counts more. */
export function score(label: string, typed: string): number | null {
  const text = label.toLowerCase();
  let total = 0;
  for (const word of typed.toLowerCase().split(/\s+/)) {
    if (word === "") continue;
    const one = wordScore(text, word);
    if (one === null) return null;
    total += one;
  }
  return total - text.length / 1000;
}

function wordScore(text: string, word: string): number | null {
  if (text.startsWith(word)) return 4;
  if (startsAWord(text, word)) return 3;
  if (text.includes(word)) return 2;
  return word.length >= 2 && areInitials(text, word) ? 1 : null;
}

function startsAWord(text: string, word: string): boolean {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    if (!/[\p{L}\p{N}]/u.test(text.charAt(at - 1))) return true;
  }
  return false;
}

/** Whether the letters begin words of the text, in order. */
function areInitials(text: string, letters: string): boolean {
  const initials = text.split(/[^\p{L}\p{N}]+/u).map((word) => word.charAt(0)).join("");
  return initials.includes(letters);
}

export function best<T>(all: T[], typed: string, label: (one: T) => string, limit: number): T[] {
  if (typed.trim() === "") return all.slice(0, limit);
  const scored = all.flatMap((one) => {
    const value = score(label(one), typed);
    return value === null ? [] : [{ one, value }];
  });
  return scored.sort((a, b) => b.value - a.value).slice(0, limit).map(({ one }) => one);
}
