// Package architecture holds the project's import rules as tests. The linter looks at what a file imports itself; these
// follow imports to their end, so that nothing forbidden slips in through a third package.
package architecture
