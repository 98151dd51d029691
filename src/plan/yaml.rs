//! `plan.yaml`: a run's plan as text and back. Goes through JSON values, so that steps are `{rotate: 0.02}` and not tags.

use super::RunPlan;
use crate::spec::yaml;
use std::error::Error;

impl RunPlan {
    /// The plan as YAML.
    ///
    /// # Errors
    /// If a number is not finite, which no resolved plan holds.
    pub fn to_yaml(&self) -> Result<String, Box<dyn Error + Send + Sync>> {
        let value = serde_json::to_value(self)?;
        yaml::to_text(&value).map_err(|error| error.message.into())
    }

    /// Reads a plan that `to_yaml` wrote.
    ///
    /// # Errors
    /// If the text is no plan, or one of another format.
    pub fn from_yaml(text: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let value: serde_json::Value = yaml::from_text(text).map_err(|error| error.message)?;
        let format = value.get("format").and_then(serde_json::Value::as_u64);
        if format != Some(super::FORMAT.into()) {
            let found = format.map_or_else(|| "none".into(), |format| format.to_string());
            return Err(format!("a plan of format {}, found {found}", super::FORMAT).into());
        }
        Ok(serde_json::from_value(value)?)
    }
}
