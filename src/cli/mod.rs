//! The verbs of the command line, one file each. Only this folder prints and picks exit codes.

pub mod report;

/// Runs the program with the process's arguments.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
