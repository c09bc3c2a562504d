//! `rollcall completions SHELL`: the command line's own definition as a script for a shell.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, output};

#[derive(Debug, Args)]
pub struct Completions {
    /// The shell. Bash: `source <(rollcall completions bash)`; fish: `rollcall completions fish | source`; zsh: write it to
    /// a file _rollcall in a folder of $fpath; PowerShell: `rollcall completions powershell | Out-String | iex`.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub fn run(args: &Completions) {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "rollcall", &mut script);
    output::print_exact(String::from_utf8_lossy(&script).into_owned());
}
