// Packages makes the root directory of an image from Debian packages. `make images` and `make update-packages` call it.
//
// images/NAME/contents.yaml names the packages and the files that an image needs. images/NAME/packages.lock pins the
// version and the SHA-256 of each package, for every architecture. Packages come from the archives that apt on this
// machine is configured for. They are only unpacked: no script of a package runs, and nothing of this machine's apt or
// dpkg changes.
package main
