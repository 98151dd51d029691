//! What of a point of a sweep stands in the text of `supcon plan`: the lines that differ from those of the point before.
//! Only the text is compared, so that nothing is left out that would read otherwise.

use super::cost::ROW;

/// A line of a section, with the lines of the table below it.
type Item = String;

/// The lines of `block` that are not those of `above`, and a line that says so; all of it where the two are built
/// otherwise, since a missing line cannot be shown.
pub(super) fn changed(above: &str, block: &str) -> String {
    let (old, new) = (sections(above), sections(block));
    if old.len() != new.len() {
        return block.to_owned();
    }
    let mut out = String::new();
    let mut left_out = false;
    for (old, new) in old.iter().zip(&new) {
        if old == new {
            left_out = true;
        } else if old.len() != new.len() {
            out.extend(new.iter().map(String::as_str));
        } else {
            // The first line says whose lines follow.
            for (i, (old, new)) in old.iter().zip(new).enumerate() {
                if i == 0 || old != new {
                    out.push_str(new);
                } else {
                    left_out = true;
                }
            }
        }
    }
    if left_out {
        out.push_str("  the rest as above\n");
    }
    out
}

/// The sections of a text by their indentation: two spaces before the first line of a section, eleven before each
/// further one, a mark before the rows of a table.
fn sections(text: &str) -> Vec<Vec<Item>> {
    let mut sections: Vec<Vec<Item>> = Vec::new();
    for line in text.split_inclusive('\n') {
        let indent = match line.strip_prefix(ROW) {
            Some(_) => usize::MAX,
            None => line.len() - line.trim_start().len(),
        };
        match (indent, sections.last_mut()) {
            (0..=2, _) | (_, None) => sections.push(vec![line.to_owned()]),
            (3..=11, Some(section)) => section.push(line.to_owned()),
            (_, Some(section)) => match section.last_mut() {
                Some(item) => item.push_str(line),
                None => section.push(line.to_owned()),
            },
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOVE: &str = "  data     shapes\n  phase 1  a: 2 epochs\n           head 8\n           layers\n\t x 1\n\t y 2\n";

    #[test]
    fn equal_texts_are_as_above() {
        assert_eq!(changed(ABOVE, ABOVE), "  the rest as above\n");
    }

    #[test]
    fn lines_and_tables_that_differ_stand_below_the_first_line_of_their_section() {
        let block = ABOVE.replace("y 2", "y 3");
        assert_eq!(
            changed(ABOVE, &block),
            "  phase 1  a: 2 epochs\n           layers\n\t x 1\n\t y 3\n  the rest as above\n"
        );
        let block = ABOVE.replace("shapes", "cifar10");
        assert_eq!(
            changed(ABOVE, &block),
            "  data     cifar10\n  the rest as above\n"
        );
    }

    #[test]
    fn a_line_that_is_gone_is_not_taken_for_one_that_is_the_same() {
        let block = ABOVE.replace("           head 8\n", "");
        let text = changed(ABOVE, &block);
        assert!(text.contains("layers\n\t x 1"), "{text}");
        assert_eq!(changed(ABOVE, "  data     shapes\n"), "  data     shapes\n");
    }
}
