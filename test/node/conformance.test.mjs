// All scenarios, one after the other and in one process: they list what is in the services that they share.
import './keys.mjs';
import './crypto.mjs';
import './import.mjs';
import './errors.mjs';
import './instances.mjs';
