package main

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// chooser picks from the files of packages what an image needs.
type chooser struct {
	all     tree
	chosen  tree
	machine string
}

// choose returns the files of an image: those that match, what they link, the licence of each package that contributes,
// and the links, directories and texts of the image itself.
func choose(all tree, c contents, architecture string) (tree, error) {
	p := chooser{all: all, chosen: tree{}, machine: architecture}
	for _, pattern := range c.Files {
		if err := p.match(pattern); err != nil {
			return nil, err
		}
	}
	if err := p.licences(); err != nil {
		return nil, err
	}
	return p.chosen, p.own(c)
}

// match takes the files that match a pattern.
func (c *chooser) match(pattern string) error {
	found := false
	for _, name := range c.all.paths() {
		if !matches(pattern, name) || c.all[name].mode.IsDir() {
			continue
		}
		found = true
		if err := c.take(name); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("no file of a package matches %s", pattern)
	}
	return nil
}

// matches reports whether a path matches a pattern. A pattern that ends in a slash matches everything below.
func matches(pattern, name string) bool {
	if dir, ok := strings.CutSuffix(pattern, "/"); ok {
		return strings.HasPrefix(name, dir+"/")
	}
	ok, _ := path.Match(pattern, name) // the pattern was checked when it was parsed
	return ok
}

// take takes a file, the links that lead to it, and the libraries that it links.
func (c *chooser) take(name string) error {
	file, links, err := c.all.resolve(name)
	if err != nil {
		return err
	}
	for _, link := range links {
		c.chosen[link] = c.all[link]
	}
	if _, ok := c.chosen[file]; ok || c.all[file].mode.IsDir() {
		return nil
	}
	c.chosen[file] = c.all[file]
	if machine, ok := machineOf(c.all[file].content); ok && machine != architectures[c.machine] {
		return fmt.Errorf("%s is for the machine %s, and the image for %s", file, machine, c.machine)
	}
	libraries, err := c.all.linked(file)
	if err != nil {
		return err
	}
	for _, library := range libraries {
		if err := c.take(library); err != nil {
			return err
		}
	}
	return nil
}

// licences takes the copyright file of every package that contributes. The file can be a link into another package,
// which then contributes too.
func (c *chooser) licences() error {
	done := map[string]bool{}
	for {
		owners := slices.DeleteFunc(owners(c.chosen), func(owner string) bool { return done[owner] })
		if len(owners) == 0 {
			return nil
		}
		for _, owner := range owners {
			done[owner] = true
			if err := c.take("/usr/share/doc/" + owner + "/copyright"); err != nil {
				return fmt.Errorf("licence of %s: %w", owner, err)
			}
		}
	}
}

// owners returns the packages that have a file in the tree, sorted.
func owners(t tree) []string {
	var names []string
	for _, n := range t {
		if n.owner != "" {
			names = append(names, n.owner)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// own adds what belongs to the image and to no package.
func (c *chooser) own(wanted contents) error {
	for name, target := range wanted.Links {
		c.chosen[name] = node{mode: fs.ModeSymlink | 0o777, target: target}
	}
	for name, text := range wanted.Texts {
		c.chosen[name] = node{mode: 0o644, content: []byte(text)}
	}
	for _, name := range wanted.Directories {
		c.chosen[name] = node{mode: fs.ModeDir | 0o755}
	}
	// A merged /usr: programs still name their interpreter below /lib64.
	for _, dir := range []string{"bin", "sbin", "lib", "lib64"} {
		prefix := "/usr/" + dir + "/"
		if slices.ContainsFunc(c.chosen.paths(), func(name string) bool { return strings.HasPrefix(name, prefix) }) {
			c.chosen["/"+dir] = node{mode: fs.ModeSymlink | 0o777, target: "usr/" + dir}
		}
	}
	for name := range c.chosen {
		if _, links, err := c.chosen.resolve(path.Dir(name)); err == nil && len(links) > 0 {
			return fmt.Errorf("%s is below the symbolic link %s", name, links[0])
		}
	}
	return nil
}
