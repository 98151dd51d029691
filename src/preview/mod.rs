//! A contact sheet: a row an image of the training split, with what each augmentation step of a phase makes of it and with
//! the draws that training sees. The pixels come from the augmenter of training; no tensor is needed.

mod layout;
mod pictures;

pub use layout::Layout;
pub use pictures::{Picture, Row};

use crate::data::Dataset;
use crate::draw::canvas::{bitmap, fitted, text_width};
use crate::draw::scene::{Align, Color, Scene};
use crate::draw::text::{NORMAL, heading, note};
use crate::draw::{Bitmap, DrawError};
use crate::plan::{AugmentPlan, RunPlan};
use layout::{Contents, LINE, MARGIN};

/// Most pixels of a sheet: drawing takes twelve bytes for each.
const PIXELS: usize = 40_000_000;
/// Longest class name in pixels; a longer one is shortened.
const NAME_WIDTH: f64 = 150.0;
/// Size of the title's letters.
const TITLE: f64 = 15.0;
/// The part of a cell that its picture leaves free.
const PAPER: Color = Color(240, 240, 240);

/// A sheet that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// Nobody could look at it.
    #[error(
        "the sheet would be {width} x {height} pixels, more than 40 million in all; \
         ask for fewer with `--images` or `--draws`"
    )]
    TooLarge {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// The sheet could not be drawn.
    #[error(transparent)]
    Draw(#[from] DrawError),
}

/// How much a sheet shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreviewOptions {
    /// Images, at most; class-balanced.
    pub images: usize,
    /// Complete draws of each image.
    pub draws: usize,
}

/// A sheet with all its pictures, not yet drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// Where the pictures stand.
    pub layout: Layout,
    /// The images in the order of the sheet.
    pub rows: Vec<Row>,
    title: String,
    header: Vec<String>,
    /// Texts above the columns: the original, then one a step, then one a draw.
    labels: Vec<String>,
    steps: usize,
}

impl Sheet {
    /// Makes the pictures of the plan's phase number `phase`, with the plan's seed. Equal arguments give equal sheets.
    ///
    /// # Errors
    /// The sheet would be too large.
    pub fn new(
        plan: &RunPlan,
        phase: usize,
        data: &Dataset,
        options: PreviewOptions,
    ) -> Result<Self, PreviewError> {
        let indices = pictures::chosen(&data.train.labels, data.class_names.len(), options.images);
        let steps = &plan.phases[phase].augment;
        let source = [data.train.height, data.train.width];
        let header = header(plan, phase, data, indices.len());
        let names = data.class_names.iter().map(|name| shown(name));
        let mut contents = Contents {
            rows: indices.len(),
            steps: steps.len(),
            draws: options.draws,
            source,
            largest: source,
            lines: header.len(),
            text_width: widest(header.iter().map(String::as_str), NORMAL),
            name_width: widest(names.chain(["image 0000000".into()]), NORMAL),
        };
        let title = format!(
            "{}, phase `{}`: augmentation",
            plan.name, plan.phases[phase].name
        );
        let title_width = text_width(&title, TITLE, true).ceil() as usize;
        contents.text_width = contents.text_width.max(title_width);
        // Refused before any picture is made.
        sized(&contents)?;
        let rows = pictures::rows(plan, phase, data, &indices, options.draws);
        for picture in rows.iter().flat_map(|row| &row.pictures) {
            contents.largest[0] = contents.largest[0].max(picture.height);
            contents.largest[1] = contents.largest[1].max(picture.width);
        }
        let mut labels = vec!["original".to_owned()];
        labels.extend(steps.iter().map(AugmentPlan::to_string));
        labels.extend((1..=options.draws).map(|epoch| format!("epoch {epoch}")));
        Ok(Self {
            layout: sized(&contents)?,
            rows,
            title,
            header,
            labels,
            steps: steps.len(),
        })
    }

    /// The sheet as PNG; equal sheets give equal bytes.
    ///
    /// # Errors
    /// The sheet could not be drawn.
    pub fn png(&self) -> Result<Vec<u8>, PreviewError> {
        let mut scene = Scene::new(self.layout.width as f64, self.layout.height as f64);
        self.write_header(&mut scene);
        self.write_columns(&mut scene);
        self.write_rows(&mut scene);
        let mut bitmap = bitmap(&scene, 1.0)?;
        self.place(&mut bitmap);
        Ok(bitmap.png()?)
    }

    fn write_header(&self, scene: &mut Scene) {
        let at = |line: usize| (MARGIN as f64, (MARGIN + line * LINE + 12) as f64);
        scene.write(heading(self.title.as_str(), at(0), TITLE));
        for (line, text) in self.header.iter().enumerate() {
            let (x, y) = at(line + 1);
            scene.text(text.as_str(), (x, y + 4.0), NORMAL, Align::Left);
        }
    }

    /// A label above each column, and a caption above each group of columns.
    fn write_columns(&self, scene: &mut Scene) {
        let draws = self.labels.len() - 1 - self.steps;
        let captions = [
            (1, self.steps, "each step alone"),
            (1 + self.steps, draws, "all steps, as in training"),
        ];
        for (first, columns, caption) in captions {
            if columns > 0 {
                let (left, top) = self.layout.corner(0, first);
                let right = self.layout.corner(0, first + columns - 1).0 + self.layout.cell.0;
                let caption = fitted(caption, (NORMAL, false), (right - left) as f64);
                let at = (left as f64, (top - LINE) as f64 - 10.0);
                scene.text(caption, at, NORMAL, Align::Left);
            }
        }
        for (column, label) in self.labels.iter().enumerate() {
            let (left, top) = self.layout.corner(0, column);
            let label = fitted(label, (NORMAL, false), self.layout.cell.0 as f64);
            let at = (left as f64, top as f64 - 8.0);
            scene.write(note(label, at, Align::Left));
        }
    }

    /// The class in front of each row, and paper below each picture.
    fn write_rows(&self, scene: &mut Scene) {
        let (width, height) = (self.layout.cell.0 as f64, self.layout.cell.1 as f64);
        for (number, row) in self.rows.iter().enumerate() {
            let top = self.layout.corner(number, 0).1 as f64;
            let left = MARGIN as f64;
            scene.text(shown(&row.class), (left, top + 14.0), NORMAL, Align::Left);
            let index = format!("image {}", row.index);
            scene.write(note(index, (left, top + 14.0 + LINE as f64), Align::Left));
            for column in 0..row.pictures.len() {
                let (x, y) = self.layout.corner(number, column);
                scene.rectangle((x as f64, y as f64), width, height, PAPER);
            }
        }
    }

    fn place(&self, bitmap: &mut Bitmap) {
        for (number, row) in self.rows.iter().enumerate() {
            for (column, picture) in row.pictures.iter().enumerate() {
                let corner = self.layout.corner(number, column);
                let Picture { pixels, width, .. } = picture;
                bitmap.cover(corner, pixels, *width, self.layout.factor);
            }
        }
    }
}

/// What stands below the title.
fn header(plan: &RunPlan, phase: usize, data: &Dataset, images: usize) -> Vec<String> {
    let phase = &plan.phases[phase];
    let mut lines = vec![
        format!(
            "seed {}, data set {}, {images} of {} training images",
            plan.seed,
            plan.data.source.name(),
            data.train.len()
        ),
        "an epoch shows what training sees of the image in that epoch of the phase".to_owned(),
    ];
    if !phase.augment.is_empty() {
        lines.push("a step alone has draws of its own, those of the first epoch".to_owned());
    }
    if phase.augment.contains(&AugmentPlan::NormalizePerChannel) {
        lines.push(
            "normalised values are shown with the normalisation of the data set undone: \
             value x deviation + mean of each channel, within 0..255"
                .to_owned(),
        );
    }
    lines
}

/// The layout, unless it is too large.
fn sized(contents: &Contents) -> Result<Layout, PreviewError> {
    let layout = Layout::new(contents);
    let (width, height) = (layout.width, layout.height);
    if width.saturating_mul(height) > PIXELS {
        return Err(PreviewError::TooLarge { width, height });
    }
    Ok(layout)
}

/// A class name as it stands in front of a row.
fn shown(name: &str) -> String {
    fitted(name, (NORMAL, false), NAME_WIDTH)
}

/// Width of the longest text in whole pixels.
fn widest(texts: impl IntoIterator<Item = impl AsRef<str>>, size: f64) -> usize {
    let widths = texts
        .into_iter()
        .map(|text| text_width(text.as_ref(), size, false));
    widths.fold(0.0, f64::max).ceil() as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::{Augmenter, Moment, Statistics};
    use crate::data::{LoadOptions, load};
    use crate::draw::scene::Shape;
    use crate::plan::SourcePlan;
    use crate::random::order;
    use crate::record::samples;

    /// Two phases of two epochs, the second with steps that change the size.
    fn plan() -> RunPlan {
        let mut plan = samples::plan("supcon", 7);
        plan.data.source = SourcePlan::Shapes {
            train_size: 60,
            test_size: 10,
        };
        plan.data.train_limit = None;
        for phase in &mut plan.phases {
            phase.epochs = 2;
            phase.batch_size = 25;
        }
        plan.phases[1].augment.extend([
            AugmentPlan::RandomWidth(0.2),
            AugmentPlan::RandomHeight(0.2),
        ]);
        plan
    }

    fn data(plan: &RunPlan) -> Dataset {
        let options = LoadOptions {
            data_dir: None,
            cache_dir: "unused".into(),
            disk: crate::disk::Disk::real(),
            progress: &|_| {},
        };
        load(&plan.data, &options).unwrap()
    }

    const OPTIONS: PreviewOptions = PreviewOptions {
        images: 12,
        draws: 2,
    };

    #[test]
    fn a_draw_is_what_training_reads() {
        let plan = plan();
        let data = data(&plan);
        let source = data.train.source();
        let statistics = Statistics::of(source);
        // The counters run on from phase to phase, as in `train`.
        let (mut epochs, mut steps, mut compared) = (0, 0, 0);
        for (number, phase) in plan.phases.iter().enumerate() {
            let sheet = Sheet::new(&plan, number, &data, OPTIONS).unwrap();
            let augmenter = Augmenter::new(&phase.augment, statistics);
            for epoch in 0..phase.epochs {
                for batch in order(plan.seed, epochs, data.train.len()).chunks(phase.batch_size) {
                    let moment = Moment {
                        seed: plan.seed,
                        epoch: epochs,
                        step: steps,
                    };
                    let pixels = augmenter.train(source, batch, moment);
                    let bytes = augmenter.bytes(&pixels);
                    let images = bytes.chunks_exact(pixels.height * pixels.width * 3);
                    for (image, index) in images.zip(batch) {
                        let row = sheet.rows.iter().find(|row| row.index == *index);
                        let Some(row) = row else { continue };
                        let picture = &row.pictures[1 + phase.augment.len() + epoch];
                        assert_eq!(picture.height, pixels.height);
                        assert_eq!(picture.width, pixels.width);
                        assert_eq!(picture.pixels, image);
                        compared += 1;
                    }
                    steps += 1;
                }
                epochs += 1;
            }
        }
        assert_eq!(compared, 2 * 2 * 12);
    }

    #[test]
    fn images_are_class_balanced() {
        let labels = [0, 0, 1, 0, 2, 1];
        assert_eq!(pictures::chosen(&labels, 4, 5), [0, 2, 4, 1, 5]);
        assert_eq!(pictures::chosen(&labels, 4, 100), [0, 2, 4, 1, 5, 3]);
    }

    #[test]
    fn every_picture_has_room_in_its_cell() {
        let plan = plan();
        let sheet = Sheet::new(&plan, 1, &data(&plan), OPTIONS).unwrap();
        let (width, height) = sheet.layout.cell;
        let pictures = || sheet.rows.iter().flat_map(|row| &row.pictures);
        assert!(pictures().all(|p| p.width * 4 <= width && p.height * 4 <= height));
        assert!(pictures().any(|p| p.width != 32) && pictures().any(|p| p.height != 32));
        assert!(
            sheet
                .rows
                .iter()
                .all(|row| row.pictures.len() == sheet.labels.len())
        );
    }

    #[test]
    fn no_text_leaves_the_sheet_and_the_header_says_what_is_undone() {
        let plan = plan();
        let data = data(&plan);
        for draws in [0, 1, 5] {
            let options = PreviewOptions { draws, ..OPTIONS };
            let sheet = Sheet::new(&plan, 0, &data, options).unwrap();
            let mut scene = Scene::new(0.0, 0.0);
            sheet.write_header(&mut scene);
            sheet.write_columns(&mut scene);
            sheet.write_rows(&mut scene);
            let texts = scene.shapes.iter().filter_map(|shape| match shape {
                Shape::Text(text) => Some(text),
                _ => None,
            });
            let texts: Vec<_> = texts.collect();
            for text in &texts {
                let right = text.at.0 + text_width(&text.text, text.size, text.bold);
                assert!(right <= sheet.layout.width as f64, "{text:?}");
                assert!(text.at.1 <= sheet.layout.height as f64, "{text:?}");
            }
            let said = |part: &str| texts.iter().any(|text| text.text.contains(part));
            assert!(said("phase `pretrain`") && said("seed 7, data set shapes, 12 of 60"));
            assert!(said("normalisation of the data set undone") && said("rotate 0.02"));
        }
        let mut plain = plan;
        plain.phases[0].augment.clear();
        let sheet = Sheet::new(&plain, 0, &data, OPTIONS).unwrap();
        assert!(sheet.header.iter().all(|line| !line.contains("undone")));
        assert_eq!(sheet.rows[0].pictures[0], sheet.rows[0].pictures[1]);
    }

    #[test]
    fn a_sheet_that_nobody_could_look_at_is_refused() {
        let plan = plan();
        let options = PreviewOptions {
            draws: 1_000_000,
            ..OPTIONS
        };
        let error = Sheet::new(&plan, 0, &data(&plan), options).unwrap_err();
        assert!(error.to_string().contains("`--draws`"), "{error}");
    }
}
