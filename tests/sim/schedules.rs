//! Schedules in the simulated world: what each has made at the end, whatever died and however the clock was set.

use kanband::kernel::queries::ShowSchedule;
use kanband::kernel::schedule::{CatchUp, Overlap, ScheduleState};
use kanband::kernel::store;
use kanband::kernel::verbs::AddSchedule;
use serde_json::json;

use crate::people::PROFILES;
use crate::world::World;

/// How long a schedule has occurrences, seconds.
const LASTS_SECONDS: i64 = 900;

impl World {
    pub fn schedules_begin(&mut self) {
        for n in 0..self.below(3) {
            let task =
                json!({ "title": "occurrence {n}", "assignee": PROFILES[self.below(3) as usize] });
            let add = AddSchedule {
                name: format!("s{n}"),
                cron: ["* * * * *", "*/2 * * * *", "1-59/7 * * * *"][self.below(3) as usize]
                    .to_owned(),
                overlap: Overlap::ALL[self.below(3) as usize],
                catch_up: CatchUp::ALL[self.below(3) as usize],
                until_at: Some(self.bench.now + LASTS_SECONDS),
                count: Some(1 + self.below(4) as u32),
                task: task.as_object().unwrap().clone(),
                ..AddSchedule::default()
            };
            self.bench.do_it(&add);
        }
    }

    /// Takes what the schedules have made among the tasks, and checks that each occurrence was made once and in order.
    pub fn check_schedules(&mut self) {
        for n in 0..3 {
            let query = ShowSchedule { name: format!("s{n}"), board: None };
            let Ok(shown) = self.bench.ask(&query) else { continue };
            let schedule = shown.schedule;
            assert_eq!(schedule.state, ScheduleState::Over, "{}", schedule.name);
            assert!(schedule.count.is_some_and(|count| schedule.made <= count));
            let tasks = self
                .bench
                .board
                .read::<_, kanband::kernel::error::Fault>(|connection| {
                    store::schedules::list_tasks(connection, schedule.id, 100)
                })
                .unwrap();
            assert_eq!(
                tasks.len() as u32,
                schedule.made,
                "{}: each is counted once",
                schedule.name
            );
            let mut last: Option<(i64, i64)> = None;
            for (at, id) in tasks.into_iter().rev() {
                let seq = self.bench.task(&id).seq;
                assert!(at % 60 == 0 && schedule.until_at.is_some_and(|until_at| at <= until_at));
                assert!(last < Some((at, seq)), "{}: a later one is made later", schedule.name);
                assert!(
                    last.is_none_or(|(_, before)| before < seq),
                    "{}: out of order",
                    schedule.name
                );
                last = Some((at, seq));
                self.tasks.push(id);
            }
            self.totals.occurrences += u64::from(schedule.made);
            self.totals.skipped += u64::from(schedule.skipped);
        }
    }
}
