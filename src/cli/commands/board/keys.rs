//! Keys of the live board. Pure.

use crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers};

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// End.
    Quit,
    /// Select the task above.
    Up,
    /// Select the task below.
    Down,
    /// Select a task of the lane at the left.
    Left,
    /// Select a task of the lane at the right.
    Right,
    /// Show the selected task.
    Show,
    /// Follow its log.
    Log,
    /// Answer its question.
    Answer,
    /// Stop its run.
    Stop,
    /// Draw it again: the terminal has another size.
    Redraw,
}

/// What an event of the terminal asks for; nothing where the key means nothing.
pub fn wish(event: &Event) -> Option<Wish> {
    let key = match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => key,
        Event::Resize(_, _) => return Some(Wish::Redraw),
        Event::Key(_) | Event::Mouse(_) | Event::FocusGained | Event::FocusLost => return None,
    };
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        // The terminal sends no signals while it is read key by key.
        let ends = matches!(key.code, KeyCode::Char('c' | 'd'));
        return ends.then_some(Wish::Quit);
    }
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => Some(Wish::Quit),
        KeyCode::Up | KeyCode::Char('k') => Some(Wish::Up),
        KeyCode::Down | KeyCode::Char('j') => Some(Wish::Down),
        KeyCode::Left | KeyCode::Char('h') => Some(Wish::Left),
        KeyCode::Right => Some(Wish::Right),
        KeyCode::Enter => Some(Wish::Show),
        KeyCode::Char('l') => Some(Wish::Log),
        KeyCode::Char('a') => Some(Wish::Answer),
        KeyCode::Char('s') => Some(Wish::Stop),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyEvent;

    use super::*;

    #[test]
    fn each_key_has_its_meaning_and_the_others_have_none() {
        for (code, modifiers, expected) in [
            (KeyCode::Char('q'), KeyModifiers::NONE, Some(Wish::Quit)),
            (KeyCode::Char('c'), KeyModifiers::CONTROL, Some(Wish::Quit)),
            (KeyCode::Char('s'), KeyModifiers::CONTROL, None),
            (KeyCode::Char('s'), KeyModifiers::NONE, Some(Wish::Stop)),
            (KeyCode::Char('l'), KeyModifiers::NONE, Some(Wish::Log)),
            (KeyCode::Enter, KeyModifiers::NONE, Some(Wish::Show)),
            (KeyCode::Up, KeyModifiers::NONE, Some(Wish::Up)),
            (KeyCode::Char('j'), KeyModifiers::NONE, Some(Wish::Down)),
            (KeyCode::Char('x'), KeyModifiers::NONE, None),
        ] {
            let event = Event::Key(KeyEvent::new(code, modifiers));
            assert_eq!(wish(&event), expected, "{code:?}");
        }
        assert_eq!(wish(&Event::Resize(80, 24)), Some(Wish::Redraw));
    }
}
