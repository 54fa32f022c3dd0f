//! The skills that come with the program: longer texts than the guidance, which an agent reads when it needs them.

/// A skill in the form that agents' programs have agreed upon: a folder with a `SKILL.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skill {
    /// Its name, which is that of its folder.
    pub name: &'static str,
    /// The text of its `SKILL.md`.
    pub text: &'static str,
}

/// Every skill.
pub const SKILLS: [Skill; 2] = [
    Skill { name: "kanban-worker", text: include_str!("../../skills/kanban-worker/SKILL.md") },
    Skill {
        name: "kanban-orchestrator",
        text: include_str!("../../skills/kanban-orchestrator/SKILL.md"),
    },
];

impl Skill {
    /// What it is for, from the head of its text.
    pub fn description(&self) -> &'static str {
        let mut lines = self.text.lines().skip(1).take_while(|line| *line != "---");
        lines.find_map(|line| line.strip_prefix("description: ")).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_skill_has_a_head_that_agents_can_read() {
        for skill in SKILLS {
            let head = format!("---\nname: {}\ndescription: ", skill.name);
            assert!(skill.text.starts_with(&head), "{}", skill.name);
            let length = skill.description().chars().count();
            assert!((40..=1_024).contains(&length), "{}: {length} characters", skill.name);
            // What YAML would read as something other than a text.
            assert!(!skill.description().contains(": "), "{}", skill.name);
        }
    }

    #[test]
    fn every_tool_that_they_name_is_one() {
        for skill in SKILLS {
            for word in skill.text.split(|c: char| !c.is_alphanumeric() && c != '_') {
                if word.starts_with("kanban_") && word != "kanban_" {
                    let is_tool = crate::mcp::tools::TOOLS.iter().any(|tool| tool.name == word);
                    assert!(is_tool, "{}: {word}", skill.name);
                }
            }
        }
    }
}
