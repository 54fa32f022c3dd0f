export { Age, Moment } from "./Age";
export { Assignee } from "./Assignee";
export { Empty } from "./Empty";
export { Html } from "./Html";
export { menu, MenuHost, openMenu, type MenuItem, type OpenMenu } from "./Menu";
export { Problem } from "./Problem";
export { StatusMark, StatusSign } from "./StatusMark";
export { TaskChip } from "./TaskChip";
