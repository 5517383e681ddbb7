"""Forms: what is asked for, what a value must be, how it is corrected, whether a form can end."""
