//! What is to be sent to one Alertmanager: per alert the newest state.
