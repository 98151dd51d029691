//! Where everything stands on a contact sheet, in pixels of the PNG file. Knows sizes and widths of texts, but no image.

/// An image is enlarged up to this side; a larger one is shown as it is.
const SIDE: usize = 128;
/// Around everything.
pub(super) const MARGIN: usize = 20;
/// Between two cells.
const GAP: usize = 8;
/// Between the original, the single steps and the draws.
const GROUP_GAP: usize = 28;
/// From one line of text to the next.
pub(super) const LINE: usize = 18;
/// Captions and labels above the cells.
const CAPTIONS: usize = 2 * LINE + 22;
/// Least width of a cell: its label stands above.
const NARROWEST: usize = 112;

/// What the layout of a sheet depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contents {
    /// Images.
    pub(super) rows: usize,
    /// Augmentation steps.
    pub(super) steps: usize,
    /// Complete draws.
    pub(super) draws: usize,
    /// Rows and columns of the source images.
    pub(super) source: [usize; 2],
    /// Rows and columns that the largest pictures have.
    pub(super) largest: [usize; 2],
    /// Lines of the header below the title.
    pub(super) lines: usize,
    /// Width of the longest line of the header.
    pub(super) text_width: usize,
    /// Width of the longest name in front of a row.
    pub(super) name_width: usize,
}

/// Where the cells of a sheet are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Columns of the PNG file.
    pub width: usize,
    /// Rows of the PNG file.
    pub height: usize,
    /// Side of the square that a pixel of an image becomes.
    pub factor: usize,
    /// Width and height of a cell; its picture stands in the upper left corner.
    pub cell: (usize, usize),
    /// Corner of the first cell.
    first: (usize, usize),
    /// Augmentation steps.
    steps: usize,
}

impl Layout {
    /// The layout in which every text and every picture has room.
    pub(super) fn new(contents: &Contents) -> Self {
        let [height, width] = contents.source;
        let factor = (SIDE / height.max(width).max(1)).max(1);
        let [height, width] = contents.largest;
        let cell = (
            width.saturating_mul(factor).max(NARROWEST),
            height.saturating_mul(factor).max(2 * LINE),
        );
        let mut layout = Self {
            width: 0,
            height: 0,
            factor,
            cell,
            first: (
                MARGIN + contents.name_width + GAP,
                MARGIN + (1 + contents.lines) * LINE + CAPTIONS,
            ),
            steps: contents.steps,
        };
        let last = layout.corner(
            contents.rows.saturating_sub(1),
            contents.steps + contents.draws,
        );
        let right = last.0.saturating_add(cell.0);
        let right = right.max(MARGIN + contents.text_width);
        layout.width = right.saturating_add(MARGIN);
        layout.height = last.1.saturating_add(cell.1).saturating_add(MARGIN);
        layout
    }

    /// Left and upper edge of a cell. Column 0 is the original, then one column a step, then one a draw.
    #[must_use]
    pub fn corner(&self, row: usize, column: usize) -> (usize, usize) {
        let gaps = usize::from(column > 0) + usize::from(self.steps > 0 && column > self.steps);
        let cells = |count: usize, size: usize| count.saturating_mul(size.saturating_add(GAP));
        (
            (self.first.0 + gaps * GROUP_GAP).saturating_add(cells(column, self.cell.0)),
            self.first.1.saturating_add(cells(row, self.cell.1)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents() -> Contents {
        Contents {
            rows: 10,
            steps: 3,
            draws: 5,
            source: [32, 32],
            largest: [32, 38],
            lines: 4,
            text_width: 700,
            name_width: 60,
        }
    }

    /// Left, top, right and bottom of every cell.
    fn cells(contents: &Contents, layout: &Layout) -> Vec<[usize; 4]> {
        let mut cells = Vec::new();
        for row in 0..contents.rows {
            for column in 0..=contents.steps + contents.draws {
                let (x, y) = layout.corner(row, column);
                cells.push([x, y, x + layout.cell.0, y + layout.cell.1]);
            }
        }
        cells
    }

    #[test]
    fn cells_hold_the_largest_picture_and_never_meet() {
        for (steps, draws) in [(3, 5), (0, 5), (3, 0), (0, 0)] {
            let contents = Contents {
                steps,
                draws,
                ..contents()
            };
            let layout = Layout::new(&contents);
            assert_eq!(layout.factor, 4);
            assert_eq!(layout.cell, (4 * 38, 4 * 32));
            let cells = cells(&contents, &layout);
            for (at, a) in cells.iter().enumerate() {
                assert!(a[2] <= layout.width - MARGIN && a[3] <= layout.height - MARGIN);
                for b in &cells[..at] {
                    let apart = a[2] < b[0] || b[2] < a[0] || a[3] < b[1] || b[3] < a[1];
                    assert!(apart, "{a:?} meets {b:?}");
                }
            }
        }
    }

    #[test]
    fn header_and_names_have_room() {
        let layout = Layout::new(&contents());
        assert_eq!(layout.first, (20 + 60 + 8, 20 + 5 * 18 + 58));
        let wide = Contents {
            text_width: 5000,
            ..contents()
        };
        assert_eq!(Layout::new(&wide).width, 5000 + 2 * MARGIN);
        assert_eq!(Layout::new(&wide).corner(9, 8), layout.corner(9, 8));
    }

    #[test]
    fn the_factor_is_a_whole_number_and_large_images_are_not_enlarged() {
        for (side, factor) in [(1, 128), (32, 4), (48, 2), (64, 2), (128, 1), (512, 1)] {
            let contents = Contents {
                source: [side, side / 2],
                ..contents()
            };
            assert_eq!(Layout::new(&contents).factor, factor, "{side}");
        }
    }

    #[test]
    fn the_groups_stand_apart() {
        let layout = Layout::new(&contents());
        let gap = |column| layout.corner(0, column).0 - layout.corner(0, column - 1).0;
        let gaps: Vec<usize> = (1..=8).map(|column| gap(column) - layout.cell.0).collect();
        assert_eq!(gaps, [36, 8, 8, 36, 8, 8, 8, 8]);
    }
}
