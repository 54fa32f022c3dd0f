import { now } from "../state/clock";
import { duration, exactTime, moment } from "../text";

/** How long ago, or how long until; ticks with the page's one timer. */
export function Age(props: { at: number; prefix?: string; suffix?: string }) {
  const seconds = Math.abs(now.value - props.at);
  return (
    <time dateTime={new Date(props.at * 1000).toISOString()} title={exactTime(props.at)}>
      {props.prefix ?? ""}
      {duration(seconds)}
      {props.suffix ?? ""}
    </time>
  );
}

/** A moment as people say it: "tomorrow 9:00". */
export function Moment(props: { at: number; prefix?: string }) {
  return (
    <time dateTime={new Date(props.at * 1000).toISOString()} title={exactTime(props.at)}>
      {props.prefix ?? ""}
      {moment(props.at, now.value)}
    </time>
  );
}
