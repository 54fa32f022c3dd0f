//! Listings: every combination of filters, in board order.

use kanband::kernel::queries::ListTasks;
use kanband::kernel::task::TaskStatus;
use kanband::kernel::verbs::CreateTask;

use crate::bench_board::Bench;

fn titles(bench: &Bench, query: &ListTasks) -> Vec<String> {
    let listed = bench.ask(query);
    listed.unwrap().into_iter().map(|task| task.title).collect()
}

#[test]
fn every_combination_of_filters_lists_exactly_what_it_says() {
    let mut bench = Bench::new();
    let values = |words: [&'static str; 2]| [None, Some(words[0]), Some(words[1])];
    let mut tasks = Vec::new();
    for assignee in values(["dev", "qa"]) {
        for tenant in values(["shop", "blog"]) {
            for triage in [false, true] {
                let title = format!("{assignee:?} {tenant:?} {triage}");
                let verb = CreateTask {
                    title: title.clone(),
                    assignee: assignee.map(str::to_owned),
                    tenant: tenant.map(str::to_owned),
                    triage,
                    ..CreateTask::default()
                };
                bench.do_it(&verb);
                let status = if triage { TaskStatus::Triage } else { TaskStatus::Ready };
                tasks.push((title, assignee, tenant, status));
            }
        }
    }
    let statuses = TaskStatus::ALL.into_iter().map(Some).chain([None]);
    for status in statuses {
        for assignee in values(["dev", "nobody"]) {
            for tenant in values(["shop", "nowhere"]) {
                for archived in [false, true] {
                    let query = ListTasks {
                        status: status.map(|status| status.as_str().to_owned()),
                        assignee: assignee.map(str::to_owned),
                        tenant: tenant.map(str::to_owned),
                        archived,
                        ..ListTasks::default()
                    };
                    let mut expected: Vec<&String> = tasks
                        .iter()
                        .filter(|(_, a, t, s)| {
                            status.is_none_or(|status| status == *s)
                                && (assignee.is_none() || assignee == *a)
                                && (tenant.is_none() || tenant == *t)
                        })
                        .map(|(title, ..)| title)
                        .collect();
                    let mut listed = titles(&bench, &query);
                    listed.sort();
                    expected.sort();
                    assert_eq!(listed.iter().collect::<Vec<_>>(), expected, "{query:?}");
                }
            }
        }
    }
}
