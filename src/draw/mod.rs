//! Drawings: a scene as data, and what renders it with the embedded font, as SVG text or as pixels that images can be laid
//! over. Charts and contact sheets are made of it; it knows neither.

mod bitmap;
pub mod canvas;
pub mod scene;
pub mod text;

pub use bitmap::Bitmap;
pub use canvas::DrawError;
