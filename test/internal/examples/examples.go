// Package examples extracts the examples of the documentation, so that tests execute them. A reader copies an example
// before reading the text around it.
package examples

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Block is a fenced block of a page.
type Block struct {
	// Place is the file, relative to the repository, and the line of the first fence.
	Place string
	// Language is what follows the fence, as in yaml; empty if nothing does.
	Language string
	Text     string
}

// Objects returns the YAML documents of a block.
func (b Block) Objects() []string {
	var objects []string
	for object := range strings.SplitSeq("\n"+b.Text, "\n---\n") {
		if strings.TrimSpace(object) != "" {
			objects = append(objects, object)
		}
	}
	return objects
}

// Pages returns the texts of README.md, docs and the charts' README.md, by their paths below the root.
func Pages(root string) (map[string]string, error) {
	pages := map[string]string{}
	read := func(path string) error {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		pages[name] = string(text)
		return err
	}
	charts, err := filepath.Glob(filepath.Join(root, "charts", "*", "README.md"))
	if err != nil {
		return nil, err
	}
	for _, path := range append(charts, filepath.Join(root, "README.md")) {
		if err := read(path); err != nil {
			return nil, err
		}
	}
	err = filepath.WalkDir(filepath.Join(root, "docs"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".md" {
			return err
		}
		return read(path)
	})
	return pages, err
}

var fence = regexp.MustCompile("^( *)```([a-z]*)$")

// Blocks returns the fenced blocks of a page, without the indentation of a list.
func Blocks(name, text string) []Block {
	var blocks []Block
	var open *Block
	indent := ""
	for i, line := range strings.Split(text, "\n") {
		found := fence.FindStringSubmatch(line)
		switch {
		case open == nil && found != nil:
			indent = found[1]
			open = &Block{Place: fmt.Sprintf("%s:%d", name, i+1), Language: found[2]}
		case open != nil && found != nil && found[2] == "":
			blocks, open = append(blocks, *open), nil
		case open != nil:
			open.Text += strings.TrimPrefix(line, indent) + "\n"
		}
	}
	return blocks
}

// All returns the blocks of all pages in a language.
func All(root, language string) ([]Block, error) {
	pages, err := Pages(root)
	if err != nil {
		return nil, fmt.Errorf("reading the documentation: %w", err)
	}
	var blocks []Block
	for name, text := range pages {
		for _, block := range Blocks(name, text) {
			if block.Language == language {
				blocks = append(blocks, block)
			}
		}
	}
	return blocks, nil
}

var (
	inline = regexp.MustCompile("`([^`\n]+)`")
	indent = regexp.MustCompile(`^ {4,}(\S.*)$`)
)

// Commands returns the lines of a page that could be commands: those of blocks that are not YAML, indented lines, and
// code within sentences.
func Commands(name, text string) []string {
	var lines []string
	for _, block := range Blocks(name, text) {
		if block.Language == "" || block.Language == "sh" || block.Language == "console" {
			lines = append(lines, strings.Split(block.Text, "\n")...)
		}
	}
	for line := range strings.SplitSeq(text, "\n") {
		if found := indent.FindStringSubmatch(line); found != nil {
			lines = append(lines, found[1])
		}
		for _, found := range inline.FindAllStringSubmatch(line, -1) {
			lines = append(lines, found[1])
		}
	}
	for i, line := range lines {
		line, _, _ = strings.Cut(line, " # ")
		lines[i] = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "$ "))
	}
	return lines
}
