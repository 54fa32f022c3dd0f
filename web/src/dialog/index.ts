export { announce, ask, confirm, toast, type AskOptions, type Field, type Value, type Values } from "./state";
