//! A drawing as pixels: images can be laid over it without changing a value, and it becomes a PNG file.

use super::DrawError;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

/// Red, green, blue.
const CHANNELS: usize = 3;

/// Pixels of a drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bitmap {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `[height, width, 3]`, row-major, RGB.
    pub pixels: Vec<u8>,
}

impl Bitmap {
    /// Lays an image `[rows, columns, 3]` over the drawing with its upper left pixel at `(left, top)`, each pixel as a
    /// square of `factor` by `factor`.
    ///
    /// # Panics
    /// If it does not fit, or has no columns.
    pub fn cover(
        &mut self,
        (left, top): (usize, usize),
        image: &[u8],
        columns: usize,
        factor: usize,
    ) {
        let wide = columns * factor;
        assert!(left + wide <= self.width, "the image leaves the drawing");
        for (row, line) in image.chunks_exact(columns * CHANNELS).enumerate() {
            let line: Vec<u8> = line
                .chunks_exact(CHANNELS)
                .flat_map(|pixel| pixel.repeat(factor))
                .collect();
            for copy in 0..factor {
                let at = ((top + row * factor + copy) * self.width + left) * CHANNELS;
                self.pixels[at..at + wide * CHANNELS].copy_from_slice(&line);
            }
        }
    }

    /// The drawing as PNG; equal pixels give equal bytes.
    ///
    /// # Errors
    /// The encoder refused.
    pub fn png(&self) -> Result<Vec<u8>, DrawError> {
        let mut bytes = Vec::new();
        PngEncoder::new_with_quality(&mut bytes, CompressionType::Best, FilterType::Adaptive)
            .write_image(
                &self.pixels,
                self.width as u32,
                self.height as u32,
                ExtendedColorType::Rgb8,
            )
            .map_err(|error| DrawError(error.to_string()))?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paper(width: usize, height: usize) -> Bitmap {
        Bitmap {
            width,
            height,
            pixels: vec![255; width * height * CHANNELS],
        }
    }

    #[test]
    fn each_pixel_of_an_image_becomes_a_square() {
        let mut bitmap = paper(7, 6);
        let image: Vec<u8> = (1..=6).flat_map(|value| [value; CHANNELS]).collect();
        bitmap.cover((1, 2), &image, 3, 2);
        let red: Vec<u8> = bitmap.pixels.iter().step_by(CHANNELS).copied().collect();
        let expected = [
            [255; 7],
            [255; 7],
            [255, 1, 1, 2, 2, 3, 3],
            [255, 1, 1, 2, 2, 3, 3],
            [255, 4, 4, 5, 5, 6, 6],
            [255, 4, 4, 5, 5, 6, 6],
        ];
        assert_eq!(red, expected.concat());
    }

    #[test]
    #[should_panic(expected = "leaves the drawing")]
    fn an_image_that_does_not_fit_is_no_drawing() {
        paper(4, 4).cover((3, 0), &[0; 6], 2, 1);
    }

    #[test]
    fn png_holds_every_pixel() {
        let mut bitmap = paper(5, 3);
        for (at, value) in bitmap.pixels.iter_mut().enumerate() {
            *value = (at * 5) as u8;
        }
        let read = image::load_from_memory(&bitmap.png().unwrap()).unwrap();
        assert_eq!((read.width(), read.height()), (5, 3));
        assert_eq!(read.into_rgb8().into_raw(), bitmap.pixels);
    }
}
