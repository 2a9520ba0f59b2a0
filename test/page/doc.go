// Package page has the tests of the page that the KMS service shows to its operators, in a real browser: a headless
// Chromium, as scripts/programs.sh installs it. It is a module of its own, so that nothing else depends on the drivers
// of browsers.
package page
