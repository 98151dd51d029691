//! How large a spec may be, in every direction in which a small file could fill the memory or keep the program busy.

/// Largest file in bytes.
pub(super) const MAX_BYTES: u64 = 1 << 20;
/// Longest line in characters: each problem repeats its line, and a line may hold thousands of them.
pub(super) const MAX_LINE: usize = 10_000;
/// Deepest nesting of lists and mappings.
pub(super) const MAX_DEPTH: usize = 64;
/// Most keys and values in a text, each alias counted with all that it stands for.
pub(super) const MAX_VALUES: usize = 10_000;
/// Most bytes in them, counted in the same way: aliases of one long text are copies of it to the value parser.
pub(super) const MAX_TEXT: usize = 4 << 20;
/// Most bytes of all key paths together: a long key stands in the path of every value below it.
pub(super) const MAX_PATHS: usize = 8 << 20;
/// Equal keys that are reported before a text is given up.
pub(super) const MAX_DUPLICATES: usize = 100;
/// Most layers of one spec.
pub(super) const MAX_LAYERS: usize = 64;

/// Most profiles of one spec: each is checked whenever the spec is read.
pub(super) const MAX_PROFILES: usize = 100;
/// Points of a sweep that are looked at in a profile that is not asked for.
pub(super) const PROFILE_POINTS: usize = 50;
/// Points of a spec with problems of which the conflicts between sections are looked for too.
pub(super) const MENDED_POINTS: usize = 50;

/// How much a value is, with everything inside it.
#[derive(Clone, Copy, Default)]
pub(super) struct Size {
    pub(super) values: usize,
    pub(super) bytes: usize,
}

impl Size {
    /// One key, one value or one container, with this many bytes of text.
    pub(super) fn of(bytes: usize) -> Self {
        Self { values: 1, bytes }
    }

    /// Both together.
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            values: self.values.saturating_add(other.values),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    /// What was added since `earlier`.
    pub(super) fn since(self, earlier: Self) -> Self {
        Self {
            values: self.values.saturating_sub(earlier.values),
            bytes: self.bytes.saturating_sub(earlier.bytes),
        }
    }
}
