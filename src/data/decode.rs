//! One image file to RGB bytes of a given size; the only place that reads with the `image` crate. The content decides
//! the format, never the name. Grey is copied to three channels, alpha is dropped, 16 bits are scaled to 8, CMYK is
//! converted; EXIF orientation is not applied (as torchvision's `ImageFolder` does it).

use image::imageops::FilterType;
use image::{ImageFormat, ImageReader, Limits};
use std::io::Cursor;

/// Largest width and height in pixels.
const SIDE_LIMIT: u32 = 16_384;
/// Largest decoded image and largest file, in bytes.
const BYTES_LIMIT: u64 = 512 << 20;
/// Resampling where the size differs, aspect ratio not kept: linear, with support that grows when it shrinks.
const FILTER: FilterType = FilterType::Triangle;

/// Decodes a PNG or JPEG file to `[side, side, 3]`; the error says why it is none.
pub(super) fn rgb_square(bytes: &[u8], side: usize) -> Result<Vec<u8>, String> {
    if bytes.is_empty() {
        return Err("0 bytes".into());
    }
    if bytes.len() as u64 > BYTES_LIMIT {
        return Err(format!("{} bytes, more than {BYTES_LIMIT}", bytes.len()));
    }
    let format = image::guess_format(bytes).map_err(|_| "neither png nor jpeg".to_string())?;
    if !matches!(format, ImageFormat::Png | ImageFormat::Jpeg) {
        return Err(format!("{format:?} is neither png nor jpeg").to_lowercase());
    }
    if format == ImageFormat::Jpeg && !has_end(bytes) {
        return Err("the file ends too early: a jpeg without its end marker".into());
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_LIMIT);
    limits.max_image_height = Some(SIDE_LIMIT);
    limits.max_alloc = Some(BYTES_LIMIT);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let image = reader
        .decode()
        .map_err(|error| error.to_string())?
        .into_rgb8();
    let side = side as u32;
    if image.dimensions() == (side, side) {
        return Ok(image.into_raw());
    }
    Ok(image::imageops::resize(&image, side, side, FILTER).into_raw())
}

/// Whether a JPEG file reaches the marker of its end, walked by markers as in ITU-T T.81, B.1.1. The decoder fills with
/// grey what lies behind a cut, so without this a cut file would be trained on as it is.
fn has_end(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(rest) = bytes.get(at..) {
        let Some(offset) = rest.iter().position(|&byte| byte == 0xff) else {
            return false;
        };
        at += offset + 1;
        match bytes.get(at..) {
            Some([0xd9, ..]) => return true,
            // A byte of the scan, a restart of it, or one that only fills: no length follows.
            Some([0x00 | 0x01 | 0xd0..=0xd7 | 0xff, ..]) => {}
            Some([_, high, low, ..]) => {
                at += 1 + usize::from(u16::from_be_bytes([*high, *low]));
            }
            _ => return false,
        }
    }
    false
}

/// Encodes `[height, width, 3]` bytes as PNG, for tests.
#[cfg(test)]
pub(super) fn png(pixels: &[u8], width: usize, height: usize) -> Vec<u8> {
    let image = image::RgbImage::from_raw(width as u32, height as u32, pixels.to_vec()).unwrap();
    encoded(&image.into(), ImageFormat::Png)
}

#[cfg(test)]
fn encoded(image: &image::DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::DynamicImage;
    use std::io::Write;
    use std::time::{Duration, Instant};

    fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
        let mut crc = flate2::Crc::new();
        crc.update(kind);
        crc.update(data);
        let length = (data.len() as u32).to_be_bytes();
        [&length[..], kind, data, &crc.sum().to_be_bytes()].concat()
    }

    fn deflated_zeros(length: usize) -> Vec<u8> {
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        zlib.write_all(&vec![0; length]).unwrap();
        zlib.finish().unwrap()
    }

    /// A PNG of `width` x `height` grey pixels with `extra` chunks in front of the pixels.
    fn raw_png(width: u32, height: u32, depth: u8, extra: &[u8], pixels: &[u8]) -> Vec<u8> {
        let header = [
            &width.to_be_bytes()[..],
            &height.to_be_bytes(),
            &[depth, 0, 0, 0, 0],
        ]
        .concat();
        let signature = b"\x89PNG\r\n\x1a\n".to_vec();
        let parts = [signature, chunk(b"IHDR", &header), extra.to_vec()].concat();
        [parts, chunk(b"IDAT", pixels), chunk(b"IEND", b"")].concat()
    }

    #[test]
    fn pixels_of_the_right_size_are_untouched() {
        let pixels: Vec<u8> = (0..4 * 4 * 3).map(|i| i * 5).collect();
        assert_eq!(rgb_square(&png(&pixels, 4, 4), 4).unwrap(), pixels);
    }

    #[test]
    fn every_colour_type_becomes_rgb() {
        let grey =
            DynamicImage::ImageLuma8(image::ImageBuffer::from_pixel(3, 3, image::Luma([90])));
        let converted = [
            grey.clone(),
            DynamicImage::ImageLumaA8(grey.to_luma_alpha8()),
            DynamicImage::ImageRgba8(grey.to_rgba8()),
            DynamicImage::ImageLuma16(grey.to_luma16()),
            DynamicImage::ImageRgb16(grey.to_rgb16()),
        ];
        for image in converted {
            assert_eq!(
                rgb_square(&encoded(&image, ImageFormat::Png), 3).unwrap(),
                [90; 27]
            );
        }
        for image in [grey.clone(), DynamicImage::ImageRgb8(grey.to_rgb8())] {
            let pixels = rgb_square(&encoded(&image, ImageFormat::Jpeg), 3).unwrap();
            assert!(
                pixels.iter().all(|&value| value.abs_diff(90) <= 2),
                "{pixels:?}"
            );
        }
    }

    #[test]
    fn other_sizes_are_resized() {
        for (width, height) in [(1, 1), (1, 5000), (7, 3)] {
            let pixels = vec![200; width * height * 3];
            assert_eq!(
                rgb_square(&png(&pixels, width, height), 8).unwrap(),
                [200; 8 * 8 * 3]
            );
        }
    }

    #[test]
    fn files_cut_anywhere_are_refused() {
        let pixels: Vec<u8> = (0..32 * 32 * 3).map(|i| (i * 7 % 256) as u8).collect();
        let file = png(&pixels, 32, 32);
        // Noise, so that nearly all of the file is its scan.
        let mut draws = crate::random::Draws::new(0, crate::random::Purpose::Split, 0);
        let noise = (0..64 * 64 * 3).map(|_| draws.below(256) as u8).collect();
        let noise = image::RgbImage::from_raw(64, 64, noise).unwrap();
        let jpeg = encoded(&noise.into(), ImageFormat::Jpeg);
        assert!(rgb_square(&jpeg, 32).is_ok());
        let behind = [&jpeg[..], b"\xff\xda behind its end"].concat();
        assert!(rgb_square(&behind, 32).is_ok());
        assert!(rgb_square(&jpeg[..jpeg.len() - 1], 32).is_err());
        for file in [file, jpeg] {
            for tenth in 0..10 {
                let cut = &file[..file.len() * tenth / 10];
                assert!(rgb_square(cut, 32).is_err(), "{tenth}");
            }
        }
        for (bytes, cause) in [
            (&b""[..], "0 bytes"),
            (b"text", "neither"),
            (b"GIF89a", "gif"),
        ] {
            assert!(rgb_square(bytes, 32).unwrap_err().contains(cause));
        }
    }

    #[test]
    fn enormous_headers_are_refused_at_once() {
        let start = Instant::now();
        for (width, height) in [(100_000, 100_000), (16_385, 1), (1, 16_385)] {
            let file = raw_png(width, height, 8, b"", b"");
            assert!(file.len() < 100);
            assert!(rgb_square(&file, 32).is_err());
        }
        let deep = raw_png(16_384, 16_384, 16, b"", b"");
        assert!(rgb_square(&deep, 32).is_err());
        assert!(
            start.elapsed() < Duration::from_millis(100),
            "{:?}",
            start.elapsed()
        );
    }

    #[test]
    fn text_bombs_are_not_inflated() {
        let bomb = [b"note\0\0".to_vec(), deflated_zeros(256 << 20)].concat();
        let file = raw_png(1, 1, 8, &chunk(b"zTXt", &bomb), &deflated_zeros(2));
        assert!(file.len() < 1 << 20);
        let start = Instant::now();
        assert_eq!(rgb_square(&file, 1).unwrap(), [0; 3]);
        assert!(
            start.elapsed() < Duration::from_millis(100),
            "{:?}",
            start.elapsed()
        );
    }
}
