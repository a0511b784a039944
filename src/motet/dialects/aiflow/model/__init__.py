"""What a script defines: workflows, tasks, rules and the conditions of these."""
