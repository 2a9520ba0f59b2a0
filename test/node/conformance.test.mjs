// All scenarios, one after another and in one process: some list everything in the services that they share.
import './keys.mjs';
import './crypto.mjs';
import './import.mjs';
import './asymmetric.mjs';
import './errors.mjs';
import './instances.mjs';
import './secrets.mjs';
