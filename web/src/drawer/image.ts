// Which pictures are shown: by their first bytes, and only kinds that hold no program.

const KINDS: { type: string; at: number; bytes: number[] }[] = [
  { type: "image/png", at: 0, bytes: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] },
  { type: "image/jpeg", at: 0, bytes: [0xff, 0xd8, 0xff] },
  { type: "image/gif", at: 0, bytes: [0x47, 0x49, 0x46, 0x38] },
  { type: "image/webp", at: 8, bytes: [0x57, 0x45, 0x42, 0x50] },
];

export function imageType(first: Uint8Array): string | null {
  return KINDS.find(({ at, bytes }) => bytes.every((byte, index) => first[at + index] === byte))?.type ?? null;
}
