// Package private reads files that a configuration names, most of which hold a secret: root keys, access keys' secrets
// and TLS keys. It refuses one that the wrong users have access to, by one rule for all of them, with the command that
// makes it right. It waits for nobody: a service must not hang because of what is at a path.
package private
