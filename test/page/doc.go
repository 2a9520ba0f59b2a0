// Package page has the tests of the page that the KMS service shows to its operators, in a real browser: a headless
// Chromium, as scripts/programs.sh installs it. It has a module of its own, so that the drivers of browsers are nobody
// else's dependency.
package page
