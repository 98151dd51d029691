//! A module's weights as named host arrays under PyTorch's names (paths of fields), in PyTorch's layouts for other programs
//! or in our own for checkpoints.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use std::collections::BTreeMap;

/// Order of a convolution's axes; every other array is the same in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `[O, I, K, K]`.
    PyTorch,
    /// `[O, K, K, I]`: the memory as the kernels see it, so that what is read back is what was there.
    Own,
}

/// One array of a module.
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    /// Path of the field, such as `stages.0.blocks.1.conv2.weight`.
    pub name: String,
    /// Convolutions as their layout says, dense layers `[O, I]`, everything else `[C]`.
    pub shape: Vec<usize>,
    /// Row-major values.
    pub values: Vec<f32>,
    /// Whether gradients reach it; moving statistics have none.
    pub trainable: bool,
}

/// Reads all arrays of a module in the order of its fields.
#[must_use]
pub fn export<M: Module>(module: &M, layout: Layout) -> Vec<Weight> {
    let mut reader = Reader {
        layout,
        path: Path::default(),
        weights: Vec::new(),
    };
    module.visit(&mut reader);
    reader.weights
}

/// Number of values that gradients reach.
#[must_use]
pub fn trainable<M: Module>(module: &M) -> usize {
    export(module, Layout::Own)
        .iter()
        .filter(|w| w.trainable)
        .map(|w| w.values.len())
        .sum()
}

/// Replaces the arrays of a module by those of the same names.
///
/// # Errors
/// Names the first array that is missing or has another shape; the module is lost then.
pub fn import<M: Module>(module: M, weights: &[Weight], layout: Layout) -> Result<M, String> {
    let given = weights.iter().map(|w| (w.name.as_str(), w)).collect();
    let mut writer = Writer {
        layout,
        path: Path::default(),
        given,
        problem: None,
    };
    let module = module.map(&mut writer);
    writer.problem.map_or(Ok(module), Err)
}

/// The fields that lead to a parameter; enum variants are not part of the name.
#[derive(Default)]
struct Path(Vec<(String, bool)>);

impl Path {
    fn enter(&mut self, name: &str, container: &str) {
        // A variant's own container is the enum; the field that holds the enum was entered before.
        self.0
            .push((name.to_owned(), container.starts_with("Enum:")));
    }

    fn name(&self) -> String {
        let fields = self
            .0
            .iter()
            .filter(|(_, variant)| !variant)
            .map(|(name, _)| name.as_str());
        fields.collect::<Vec<_>>().join(".")
    }
}

struct Reader {
    layout: Layout,
    path: Path,
    weights: Vec<Weight>,
}

impl ModuleVisitor for Reader {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.0.pop();
    }

    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        let tensor = parameter.val();
        let trainable = tensor.is_require_grad();
        let tensor = tensor.without_autodiff();
        // [O, K, K, I] -> [O, I, K, K]
        let tensor = if D == 4 && self.layout == Layout::PyTorch {
            tensor.swap_dims(2, 3).swap_dims(1, 2)
        } else {
            tensor
        };
        let shape = tensor.dims().to_vec();
        let values = tensor
            .into_data()
            .try_to_vec::<f32>()
            .expect("parameters are f32");
        self.weights.push(Weight {
            name: self.path.name(),
            shape,
            values,
            trainable,
        });
    }
}

struct Writer<'a> {
    layout: Layout,
    path: Path,
    given: BTreeMap<&'a str, &'a Weight>,
    problem: Option<String>,
}

impl ModuleMapper for Writer<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.0.pop();
    }

    fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.path.name();
        let (id, old, mapper) = parameter.consume();
        let mut wanted = old.dims().to_vec();
        let turned = D == 4 && self.layout == Layout::PyTorch;
        if turned {
            wanted = vec![wanted[0], wanted[3], wanted[1], wanted[2]];
        }
        let Some(weight) = self.given.get(name.as_str()).filter(|w| w.shape == wanted) else {
            self.problem
                .get_or_insert_with(|| format!("no array `{name}` of shape {wanted:?}"));
            return Param::from_mapped_value(id, old, mapper);
        };
        let data = TensorData::new(weight.values.clone(), wanted);
        let tensor = Tensor::<D>::from_data(data, &old.device());
        // [O, I, K, K] -> [O, K, K, I], in row-major order again
        let tensor = if turned {
            let turned = tensor.swap_dims(1, 2).swap_dims(2, 3);
            Tensor::from_data(turned.into_data(), &old.device())
        } else {
            tensor
        };
        let tensor = if old.is_require_grad() {
            tensor.detach().require_grad()
        } else {
            tensor
        };
        Param::from_mapped_value(id, tensor, mapper)
    }
}
