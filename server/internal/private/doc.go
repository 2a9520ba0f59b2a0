// Package private reads files that a configuration names, most of which hold a secret: root keys, access keys' secrets
// and TLS keys. It refuses files that the wrong users can access, by the same rules for all of them, and names the
// command that corrects the mode. It never blocks: a service must not hang because of what is at a path.
package private
