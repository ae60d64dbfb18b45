package main

import "fmt"

// meant returns what to add to the name of something unknown: what was probably meant, or nothing.
func meant(word string, known []string) string {
	if best := nearest(word, known); best != "" {
		return fmt.Sprintf(", did you mean %s?", best)
	}
	return ""
}

// nearest returns the known word that is most like word, "" if none is like it: a third of its letters may be wrong.
func nearest(word string, known []string) (best string) {
	least := max(1, len(word)/3) + 1
	for _, candidate := range known {
		if d := edits(word, candidate); d < least {
			best, least = candidate, d
		}
	}
	return best
}

// edits counts the letters to add, drop, replace, or swap with their neighbour, to make b of a.
func edits(a, b string) int {
	distance := make([][]int, len(a)+1) // [i][j]: between the first i letters of a and the first j of b
	for i := range distance {
		distance[i] = make([]int, len(b)+1)
		distance[i][0] = i
	}
	for j := range distance[0] {
		distance[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replaced := distance[i-1][j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			distance[i][j] = min(distance[i-1][j]+1, distance[i][j-1]+1, replaced)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				distance[i][j] = min(distance[i][j], distance[i-2][j-2]+1)
			}
		}
	}
	return distance[len(a)][len(b)]
}
