//! Exceptions of the core. The face turns each into its own, with value, rule and remedy.

use pyo3::create_exception;
use pyo3::exceptions::PyException;

create_exception!(tiderace._core, DataError, PyException, "A recording or tape cannot be used.");
create_exception!(tiderace._core, ConfigError, PyException, "A genesis is refused.");
create_exception!(tiderace._core, JournalError, PyException, "A journal cannot be written or read.");
create_exception!(tiderace._core, ReplayError, PyException, "A journal does not replay.");
create_exception!(tiderace._core, ProgramFault, PyException, "A form is refused: text, line and column or None.");
