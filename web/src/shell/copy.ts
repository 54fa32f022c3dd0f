import { toast } from "../dialog";

export function copyText(text: string): void {
  navigator.clipboard.writeText(text).then(
    () => toast("Copied."),
    () => toast("The browser did not allow copying: select the text instead.", { kind: "refusal" }),
  );
}
