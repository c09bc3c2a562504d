//! The program `rollcall`; everything is in the library.

/// See `src/cli/allocator.rs`.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    rollcall::cli::run()
}
