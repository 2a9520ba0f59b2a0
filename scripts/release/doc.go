// Command release builds all files of a release: `make release VERSION=vX.Y.Z` runs it. It is a module of its own, so
// that users of the programs do not inherit its dependencies.
//
// The same commit and the same Go give the same files, byte for byte, on whatever machine: programs hold no paths, all
// times are the commit's, owners are root, and files in archives are sorted. -check proves it: it builds everything
// twice, from two folders, the second time with an empty build cache.
//
// A step takes the programs once they are built, and writes its files to the same folder; steps is the list of them.
// The last one writes the checksums of all files.
package main
