// What the drawer remembers in this browser.

import { remembered } from "../state/remembered";

export const WIDTH_MIN_PX = 480;
export const WIDTH_MAX_PX = 960;

const isFlag = (value: unknown): value is boolean => typeof value === "boolean";
const isWidth = (value: unknown): value is number => typeof value === "number" && value >= WIDTH_MIN_PX && value <= WIDTH_MAX_PX;

export const drawerWidth = remembered("drawer.width", 560, isWidth);
export const isWrapped = remembered("log.wrap", true, isFlag);
