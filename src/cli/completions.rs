//! `rollcall completions SHELL`: the command line's own definition as a script for a shell.

use clap::{Args, Command, CommandFactory};
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
    clap_complete::generate(args.shell, &mut visible(&Cli::command()), "rollcall", &mut script);
    output::print_exact(String::from_utf8_lossy(&script).into_owned());
}

/// The command without what its help hides, which clap would complete all the same.
fn visible(command: &Command) -> Command {
    let about = command.get_about().cloned().unwrap_or_default();
    let version = command.get_version().unwrap_or_default().to_owned();
    let visible_command = Command::new(command.get_name().to_owned()).about(about);
    let visible_command = if version.is_empty() { visible_command } else { visible_command.version(version) };
    visible_command
        .args(command.get_arguments().filter(|arg| !arg.is_hide_set()).cloned())
        .subcommands(command.get_subcommands().filter(|command| !command.is_hide_set()).map(visible))
}
