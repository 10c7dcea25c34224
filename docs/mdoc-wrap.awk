# Breaks long text lines of an mdoc page, as mandoc -Tlint wants them: never before a word that roff would
# take for a macro, and never inside a macro line.
length($0) <= 78 || /^[.']/ { print; next }
{
	line = ""
	for (i = 1; i <= NF; i++) {
		if (line != "" && length(line) + 1 + length($i) > 78 && $i !~ /^[.']/) {
			print line
			line = $i
		} else {
			line = line == "" ? $i : line " " $i
		}
	}
	print line
}
