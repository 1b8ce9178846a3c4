//! Which build of a kernel runs: each is compiled for plain x86-64 (or another processor), AVX2 and AVX-512, and the
//! processor is asked once a call.

use super::{BlockIn, BlockOut, GREEKS, implied, option};

/// The instruction sets that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Processor {
    /// Whatever the build targets.
    Plain,
    /// AVX2 with fused multiply-add: x86-64-v3.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 F, DQ, VL: x86-64-v4.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Processor {
    pub(super) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let has_v3 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            if has_v3
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
            {
                return Self::Avx512;
            }
            if has_v3 {
                return Self::Avx2;
            }
        }
        Self::Plain
    }
}

/// Compiles one kernel for every processor and picks at run time.
macro_rules! kernel {
    ($name:ident, $module:ident, $columns:expr) => {
        pub(super) fn $name(processor: Processor, input: &BlockIn, output: &mut BlockOut<{ $columns }>) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2(input: &BlockIn, output: &mut BlockOut<{ $columns }>) {
                $module::$name::<true>(input, output);
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx2,fma")]
            fn avx512(input: &BlockIn, output: &mut BlockOut<{ $columns }>) {
                $module::$name::<true>(input, output);
            }
            match processor {
                Processor::Plain => $module::$name::<{ cfg!(target_arch = "aarch64") }>(input, output),
                #[cfg(target_arch = "x86_64")]
                #[expect(unsafe_code, reason = "a function compiled for more than the baseline is unsafe to call")]
                // SAFETY: `Processor::detect` is the only source of this value and saw these features.
                Processor::Avx2 => unsafe { avx2(input, output) },
                #[cfg(target_arch = "x86_64")]
                #[expect(unsafe_code, reason = "a function compiled for more than the baseline is unsafe to call")]
                // SAFETY: as above.
                Processor::Avx512 => unsafe { avx512(input, output) },
            }
        }
    };
}

kernel!(price, option, 1);
kernel!(digital, option, 1);
kernel!(greeks, option, GREEKS);
kernel!(implied, implied, 1);
